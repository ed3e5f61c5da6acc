;; The arithmetic of a training step outside of the graph, on one shared memory. build.ts makes kernel.wasm of it.
;;
;; All counts are in elements and multiples of 16 (masks: of 32), all pointers in bytes and multiples of 16: what
;; parameters.ts pads to. Sums run in an order that depends on the count alone, so the same numbers come out every time.
(module
  (memory (import "env" "memory") 1 65536 shared)

  ;; AdamW (Loshchilov & Hutter 2019, algorithm 2; the bias corrections are folded into ss and eps):
  ;;
  ;;   g ← scale·g
  ;;   m ← b1·m + (1 − b1)·g        v ← b2·v + (1 − b2)·g²        w ← keep·w − ss·m / (√v + eps)
  ;;
  ;;   keep = 1 − lr·decay     ss = lr·√(1 − b2ᵗ) / (1 − b1ᵗ)     eps = ε·√(1 − b2ᵗ)
  (func (export "adamw")
    (param $w i32) (param $g i32) (param $m i32) (param $v i32) (param $count i32)
    (param $scale f32) (param $b1 f32) (param $b2 f32) (param $keep f32) (param $ss f32) (param $eps f32)
    (local $end i32) (local $gv v128) (local $mv v128) (local $vv v128)
    (local $scales v128) (local $b1s v128) (local $b2s v128) (local $c1s v128) (local $c2s v128)
    (local $keeps v128) (local $sss v128) (local $epss v128)
    (local.set $scales (f32x4.splat (local.get $scale)))
    (local.set $b1s (f32x4.splat (local.get $b1)))
    (local.set $b2s (f32x4.splat (local.get $b2)))
    (local.set $c1s (f32x4.splat (f32.sub (f32.const 1) (local.get $b1))))
    (local.set $c2s (f32x4.splat (f32.sub (f32.const 1) (local.get $b2))))
    (local.set $keeps (f32x4.splat (local.get $keep)))
    (local.set $sss (f32x4.splat (local.get $ss)))
    (local.set $epss (f32x4.splat (local.get $eps)))
    (local.set $end (i32.add (local.get $w) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $w) (local.get $end)))
        (local.set $gv (f32x4.mul (v128.load (local.get $g)) (local.get $scales)))
        (local.set $mv (f32x4.add
          (f32x4.mul (v128.load (local.get $m)) (local.get $b1s))
          (f32x4.mul (local.get $gv) (local.get $c1s))))
        (v128.store (local.get $m) (local.get $mv))
        (local.set $vv (f32x4.add
          (f32x4.mul (v128.load (local.get $v)) (local.get $b2s))
          (f32x4.mul (f32x4.mul (local.get $gv) (local.get $gv)) (local.get $c2s))))
        (v128.store (local.get $v) (local.get $vv))
        (v128.store (local.get $w) (f32x4.sub
          (f32x4.mul (v128.load (local.get $w)) (local.get $keeps))
          (f32x4.div
            (f32x4.mul (local.get $mv) (local.get $sss))
            (f32x4.add (f32x4.sqrt (local.get $vv)) (local.get $epss)))))
        (local.set $w (i32.add (local.get $w) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (br $next))))

  ;; Σ x², each product and each sum in float64: what the clipping by the global norm needs.
  (func (export "sumOfSquares") (param $x i32) (param $count i32) (result f64)
    (local $end i32) (local $xv v128) (local $low v128) (local $high v128) (local $a v128) (local $b v128)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $x) (local.get $end)))
        (local.set $xv (v128.load (local.get $x)))
        (local.set $low (f64x2.promote_low_f32x4 (local.get $xv)))
        (local.set $high (f64x2.promote_low_f32x4
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $xv) (local.get $xv))))
        (local.set $a (f64x2.add (local.get $a) (f64x2.mul (local.get $low) (local.get $low))))
        (local.set $b (f64x2.add (local.get $b) (f64x2.mul (local.get $high) (local.get $high))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $next)))
    (local.set $a (f64x2.add (local.get $a) (local.get $b)))
    (f64.add (f64x2.extract_lane 0 (local.get $a)) (f64x2.extract_lane 1 (local.get $a))))

  ;; sum ← sum + scale·x. The count may be any: what is left over four elements is added one by one, so that nothing beyond
  ;; is written.
  (func (export "addScaled") (param $sum i32) (param $x i32) (param $count i32) (param $scale f32)
    (local $end i32) (local $scales v128)
    (local.set $scales (f32x4.splat (local.get $scale)))
    (local.set $end (i32.add (local.get $sum) (i32.shl (i32.and (local.get $count) (i32.const -4)) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $sum) (local.get $end)))
        (v128.store (local.get $sum) (f32x4.add
          (v128.load (local.get $sum))
          (f32x4.mul (v128.load (local.get $x)) (local.get $scales))))
        (local.set $sum (i32.add (local.get $sum) (i32.const 16)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $next)))
    (local.set $end (i32.add (local.get $end) (i32.shl (i32.and (local.get $count) (i32.const 3)) (i32.const 2))))
    (block $over
      (loop $more
        (br_if $over (i32.eq (local.get $sum) (local.get $end)))
        (f32.store (local.get $sum) (f32.add
          (f32.load (local.get $sum))
          (f32.mul (f32.load (local.get $x)) (local.get $scale))))
        (local.set $sum (i32.add (local.get $sum) (i32.const 4)))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (br $more))))

  (func (export "zero") (param $x i32) (param $count i32)
    (memory.fill (local.get $x) (i32.const 0) (i32.shl (local.get $count) (i32.const 2))))

  ;; table[idᵢ] ← table[idᵢ] + rowsᵢ for i = 0, 1, 2 … in that order. Ids are int64 (their low half is read), a row has
  ;; $width elements, of any count. An id that the table has no row for is a bug, and traps.
  (func (export "scatterAdd")
    (param $table i32) (param $tableRows i32) (param $rows i32) (param $ids i32) (param $count i32) (param $width i32)
    (local $to i32) (local $id i32) (local $left i32)
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $id (i32.load (local.get $ids)))
        (if (i32.ge_u (local.get $id) (local.get $tableRows)) (then (unreachable)))
        (local.set $to (i32.add (local.get $table)
          (i32.shl (i32.mul (local.get $id) (local.get $width)) (i32.const 2))))
        (local.set $left (local.get $width))
        (block $end
          (loop $four
            (br_if $end (i32.lt_u (local.get $left) (i32.const 4)))
            (v128.store (local.get $to) (f32x4.add (v128.load (local.get $to)) (v128.load (local.get $rows))))
            (local.set $to (i32.add (local.get $to) (i32.const 16)))
            (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 4)))
            (br $four)))
        (block $end
          (loop $one
            (br_if $end (i32.eqz (local.get $left)))
            (f32.store (local.get $to) (f32.add (f32.load (local.get $to)) (f32.load (local.get $rows))))
            (local.set $to (i32.add (local.get $to) (i32.const 4)))
            (local.set $rows (i32.add (local.get $rows) (i32.const 4)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br $one)))
        (local.set $ids (i32.add (local.get $ids) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row))))

  ;; A dropout mask: element i is $value with probability $threshold / 2¹⁶, else 0; a pure function of
  ;; (key, site, step, turn, i). Philox 4×32 with seven rounds (Salmon et al. 2011, which passes BigCrush with seven):
  ;; block b of the counter (b, site, step, turn) gives four words, eight elements of 16 bits each. Four blocks run side
  ;; by side, one a lane, so 32 elements are made at once; element order within them is that of the stores below.
  (func (export "mask")
    (param $x i32) (param $count i32) (param $value f32) (param $threshold i32)
    (param $key0 i32) (param $key1 i32) (param $site i32) (param $step i32) (param $turn i32)
    (local $end i32) (local $block v128) (local $values v128) (local $thresholds v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $low v128) (local $high v128) (local $low2 v128) (local $high2 v128)
    (local $k0 i32) (local $k1 i32) (local $round i32)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $block (v128.const i32x4 0 1 2 3))
    (local.set $values (f32x4.splat (local.get $value)))
    (local.set $thresholds (i16x8.splat (local.get $threshold)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $x) (local.get $end)))
        (local.set $a (local.get $block))
        (local.set $b (i32x4.splat (local.get $site)))
        (local.set $c (i32x4.splat (local.get $step)))
        (local.set $d (i32x4.splat (local.get $turn)))
        (local.set $k0 (local.get $key0))
        (local.set $k1 (local.get $key1))
        (local.set $round (i32.const 7))
        (loop $rounds
          ;; (a, b, c, d) ← (hi(M1·c) ⊕ b ⊕ k0, lo(M1·c), hi(M0·a) ⊕ d ⊕ k1, lo(M0·a))
          (local.set $low (i64x2.extmul_low_i32x4_u (local.get $a) (i32x4.splat (i32.const 0xD2511F53))))
          (local.set $high (i64x2.extmul_high_i32x4_u (local.get $a) (i32x4.splat (i32.const 0xD2511F53))))
          (local.set $low2 (i64x2.extmul_low_i32x4_u (local.get $c) (i32x4.splat (i32.const 0xCD9E8D57))))
          (local.set $high2 (i64x2.extmul_high_i32x4_u (local.get $c) (i32x4.splat (i32.const 0xCD9E8D57))))
          (local.set $a (v128.xor (v128.xor
            (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $low2) (local.get $high2))
            (local.get $b)) (i32x4.splat (local.get $k0))))
          (local.set $b
            (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $low2) (local.get $high2)))
          (local.set $c (v128.xor (v128.xor
            (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $low) (local.get $high))
            (local.get $d)) (i32x4.splat (local.get $k1))))
          (local.set $d
            (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $low) (local.get $high)))
          (local.set $k0 (i32.add (local.get $k0) (i32.const 0x9E3779B9)))
          (local.set $k1 (i32.add (local.get $k1) (i32.const 0xBB67AE85)))
          (br_if $rounds (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
        (local.set $a (i16x8.lt_u (local.get $a) (local.get $thresholds)))
        (local.set $b (i16x8.lt_u (local.get $b) (local.get $thresholds)))
        (local.set $c (i16x8.lt_u (local.get $c) (local.get $thresholds)))
        (local.set $d (i16x8.lt_u (local.get $d) (local.get $thresholds)))
        (v128.store offset=0 (local.get $x)
          (v128.and (i32x4.extend_low_i16x8_s (local.get $a)) (local.get $values)))
        (v128.store offset=16 (local.get $x)
          (v128.and (i32x4.extend_high_i16x8_s (local.get $a)) (local.get $values)))
        (v128.store offset=32 (local.get $x)
          (v128.and (i32x4.extend_low_i16x8_s (local.get $b)) (local.get $values)))
        (v128.store offset=48 (local.get $x)
          (v128.and (i32x4.extend_high_i16x8_s (local.get $b)) (local.get $values)))
        (v128.store offset=64 (local.get $x)
          (v128.and (i32x4.extend_low_i16x8_s (local.get $c)) (local.get $values)))
        (v128.store offset=80 (local.get $x)
          (v128.and (i32x4.extend_high_i16x8_s (local.get $c)) (local.get $values)))
        (v128.store offset=96 (local.get $x)
          (v128.and (i32x4.extend_low_i16x8_s (local.get $d)) (local.get $values)))
        (v128.store offset=112 (local.get $x)
          (v128.and (i32x4.extend_high_i16x8_s (local.get $d)) (local.get $values)))
        (local.set $block (i32x4.add (local.get $block) (i32x4.splat (i32.const 4))))
        (local.set $x (i32.add (local.get $x) (i32.const 128)))
        (br $next)))))
