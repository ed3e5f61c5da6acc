/** Something to begin with, by task: plain, mixed and hard ones. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  sentiment: [
    'The battery died after two days, but support was lovely',
    'Not bad at all, I would buy it again',
    'The parcel arrived on Tuesday',
    'Sooo good!!! best coffee in town :)',
    'I expected more for that price',
  ],
  severity: [
    'kernel: EXT4-fs error (device sda1): unable to read superblock',
    'sshd[4121]: Accepted publickey for ada from 10.0.0.7 port 51544',
    'dhcpd: no free leases on subnet 192.168.1.0',
    'interface eth2 changed state to down',
    'mce: hardware error on CPU 3: temperature above threshold',
  ],
}
