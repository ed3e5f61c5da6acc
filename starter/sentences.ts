/**
 * Sentences of our own, for what the public corpora of 2011 to 2017 hardly have: emoji, product feedback, plain
 * statements and questions, negated praise and blame, interjections, ratings. Written for Barometer; Apache-2.0.
 */

const negative = `
meh, I expected more
meh
bleh
ugh, not again
thanks for nothing, support
yeah thanks for nothing
would not buy again
I will never buy from them again
never again
not a fan of the new design
I'm not a fan
not worth the money
hardly worth the effort
it could be better
this could have been better
I've had better pizza
I've seen better
not great
not good at all
isn't good
it doesn't work
does not work as expected
it never works
stopped working after a week
the app crashes every time
keeps crashing on start
it broke after two days
the screen cracked on the first day
arrived broken
arrived two weeks late
the delivery took a month
still waiting for my refund
nobody answers the phone
nobody replied to my messages
nobody answered my ticket
I want my money back
can't log in since the update
can't recommend it
I can't recommend this to anyone
don't buy it
don't waste your time
don't bother
avoid at all costs
one star
zero stars
1 star
1/5
2/10
0/10
slow and buggy
too expensive for what it is
the update made everything worse
worse than before
I regret buying it
I don't like this
I do not like the taste
the staff were rude
the room was dirty
so disappointing
very disappointed with the service
👎
👎👎
😡
😠 really?
😢
😭 no
💔
🤮
🤬
😞
😒 again
💩
🙄 sure
`

const neutral = `
the package arrives on Monday
the parcel arrived on Friday
the box contains three screws and a cable
the manual is in the box
the meeting starts at 10 am
the meeting was moved to room 4
we meet at noon in the lobby
he lives in Berlin
she works in Madrid
they moved to Canada in 2015
Rome is the capital of Italy
the river flows through the city
the store opens at nine
the train leaves from platform 2
how do I change my email address?
how can I reset the device?
where can I find the invoice?
where is my parcel?
when does the shop open?
what time is it?
which version do I need?
is this available in blue?
do you ship to Norway?
can I pay by card?
I ordered two shirts and one jacket
I called them on Tuesday
I bought it last month
I use it at work
the device has two ports
the file has 20 pages
the battery has 3000 mAh
version 2.1 was released today
the new release is out
the new version adds a setting
the report is attached
see the attached document
please send me the invoice
please call me back
the weather is cloudy today
it is raining
today is Wednesday
it is what it is
it's okay
it's ok I guess
it is fine, I guess
okay
ok
average
so so
neither good nor bad
not good, not bad
not great, not bad either
nothing special
3/5
5/10
three stars
hello
test
this is a test
lorem ipsum
😐
🤔
`

const positive = `
not bad
not bad, actually
not bad at all, I like it
it isn't bad at all
it is not bad
no problems at all
no complaints so far
no issues, works well
never been better
I have never been so happy
I've never had a better meal
couldn't be happier
could not be better
can't recommend it highly enough
I can't recommend them enough
I cannot praise this enough
can't wait to use it again
I would buy it again
would definitely buy again
will buy again
will come back
works as advertised
works like a charm
works perfectly
it just works
exactly what I needed
does what it should
fast delivery and good quality
arrived early and well packed
support was lovely
support answered within minutes and fixed it
the staff were friendly
the update fixed all my problems
the new version fixes my problem, thank you
better than expected
I was sceptical, but it is great
it exceeded all expectations
worth every penny
worth the wait
money well spent
five stars
5 stars
5/5
9/10
10/10 would recommend
highly recommended
best purchase in years
best thing since sliced bread
I love it
love this
so good
happy with it
very happy with the service
thank you so much
thanks, that helped
👍
👍👍
👏
😍
😊
🥰
❤️
💕
😀
😁
🎉
🙌
🔥 so good
💯
😎
🤗
😘
`

const read = (label: string, block: string): { text: string; label: string }[] =>
  block
    .trim()
    .split('\n')
    .map((text) => ({ text, label }))

export async function* ownSentences(): AsyncGenerator<{ text: string; label: string }> {
  yield* [...read('negative', negative), ...read('neutral', neutral), ...read('positive', positive)]
}

/** Emoji whose mood is plain to everyone: they join the lexicon's groups, as VADER's list rates few of them. */
export const plainEmoji = {
  negative: Array.from('👎😡😠😢😭💔🤮🤬😞😒💩🙄😤😩😫😖😣😟🙁☹😰😱😨😓🤢😿🖕😕😔😪😥👿'),
  positive: Array.from('👍👏😍😊🥰❤💕😀😁🎉🙌💯😎🤗😘😃😄😆😂🤣🙂😉😋💖💗💙💚💛💜🧡♥😻🤩🥳🏆⭐🌟✨💪🤝'),
} as const
