// Sums of products at the full speed of vector units: two neighbouring words of an event in one lane.
//
// A tensor of pairs has rows of LANES pairs: of bytes (int16 lanes, the words plus OFFSET as unsigned bytes)
// or of int16 words (int32 lanes). One instruction then multiplies 32 bytes or 16 words with weights that are
// the same for all events, and adds neighbours. Sums wrap around as they grow; the generator proved that the
// whole sums fit their lanes, and that no pair of byte products saturates.
#pragma once

#include <cstring>

#include "trigml_rows.h"

namespace trigml {

constexpr int HALF = LANES / 2;

typedef std::int16_t Quarter16 __attribute__((vector_size(16)));

// Sums of 16 events in 32 bits.
struct Wide {
  Lanes32 low, high;
};

template <class Vector, class Word> inline Vector loaded(const Word *words) {
  Vector vector;
  static_assert(sizeof(vector) == 32, "a vector of lanes");
  std::memcpy(&vector, words, sizeof(vector));
  return vector;
}

template <class Vector, class Word> inline void stored(Word *words, Vector vector) {
  std::memcpy(words, &vector, sizeof(vector));
}

// A vector that several instructions use: compilers would rather load it again for each of them.
template <class Vector> inline Vector in_register(Vector x) {
#if defined(__AVX2__)
  asm("" : "+x"(x));
#endif
  return x;
}

// Unsigned bytes of x times signed bytes of w, neighbours added.
inline Lanes16 dot(Lanes16 x, Lanes16 w) {
#if defined(__AVX2__)
  typedef char Bytes __attribute__((vector_size(32)));
  return (Lanes16)__builtin_ia32_pmaddubsw256((Bytes)x, (Bytes)w);
#else
  return (x & 255) * ((w << 8) >> 8) + ((x >> 8) & 255) * (w >> 8);
#endif
}

// int16 words of x times int16 words of w, neighbours added.
inline Lanes32 dot(Lanes32 x, Lanes32 w) {
#if defined(__AVX2__)
  return (Lanes32)__builtin_ia32_pmaddwd256((Lanes16)x, (Lanes16)w);
#else
  return ((x << 16) >> 16) * ((w << 16) >> 16) + (x >> 16) * (w >> 16);
#endif
}

// The upper bits are dropped; the words fit.
inline Lanes16 narrowed(Wide wide) {
#if defined(__AVX2__)
  typedef long long Quads __attribute__((vector_size(32)));
  const Quads mixed = (Quads)__builtin_ia32_packssdw256(wide.low, wide.high);
  return (Lanes16)__builtin_shufflevector(mixed, mixed, 0, 2, 1, 3);
#else
  return __builtin_shufflevector((Lanes16)wide.low, (Lanes16)wide.high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
                                 26, 28, 30);
#endif
}

inline Wide widened(Lanes16 x) {
  const Quarter16 low = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
  const Quarter16 high = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  return {__builtin_convertvector(low, Lanes32), __builtin_convertvector(high, Lanes32)};
}

// ---- where results go: 16 events of output j at a time -------------------------------------------------

// Rows of words.
template <class To> struct ToWords {
  using Word = To;
  static constexpr int PER_ROW = 1;
  static void put(std::int16_t *y, Lanes16 a, Lanes16) { stored(y, a); }
  static void put(std::int32_t *y, Lanes16 a, Lanes16) { put(y, widened(a), Wide{}); }
  static void put(std::int16_t *y, Wide a, Wide) { stored(y, narrowed(a)); }
  static void put(std::int32_t *y, Wide a, Wide) {
    stored(y, a.low);
    stored(y + HALF / 2, a.high);
  }
};

// Rows of pairs of bytes, OFFSET added to each word.
template <int OFFSET> struct ToBytes {
  using Word = std::int16_t;
  static constexpr int PER_ROW = 2;
  static void put(Word *y, Lanes16 a, Lanes16 b) {
    if constexpr (OFFSET != 0) a += every<Lanes16>(OFFSET), b += every<Lanes16>(OFFSET);
    stored(y, a | (b << 8));
  }
  static void put(Word *y, Wide a, Wide b) { put(y, narrowed(a), narrowed(b)); }
};

// Rows of pairs of int16 words.
struct ToPairs {
  using Word = std::int32_t;
  static constexpr int PER_ROW = 2;
  static Lanes32 joined(Lanes32 a, Lanes32 b) { return (a & 0xffff) | (b << 16); }
  static void put(Word *y, Wide a, Wide b) {
    stored(y, joined(a.low, b.low));
    stored(y + HALF / 2, joined(a.high, b.high));
  }
  static void put(Word *y, Lanes16 a, Lanes16 b) { put(y, widened(a), widened(b)); }
};

template <class Then> inline Lanes16 then(Lanes16 x) { return Then::of(x); }
template <class Then> inline Wide then(Wide x) { return {Then::of(x.low), Then::of(x.high)}; }

// J outputs of 16 events.
template <class Then, class To, int J, class Sums> inline void put_all(typename To::Word *y, const Sums *sums) {
#pragma GCC unroll 8
  for (int j = 0; j < J; j += To::PER_ROW) {
    const Sums a = then<Then>(sums[j]);
    const Sums b = To::PER_ROW == 2 && j + 1 < J ? then<Then>(sums[j + 1]) : Sums{};
    To::put(y + j / To::PER_ROW * LANES, a, b);
  }
}

// ---- the sums ----------------------------------------------------------------------------------------------

// Which rows of pairs a layer reads: at each of TAPS bases, PAIRS rows that are STEP apart.
template <int TAPS_, int PAIRS_, int STEP_> struct Window {
  static constexpr int TAPS = TAPS_, PAIRS = PAIRS_, STEP = STEP_;
};

// Adds the products of some taps: J outputs, in COUNT vectors of lanes each; w is (taps, PAIRS, J).
template <class Shape, int J, int COUNT, class Vector, class Word>
inline const std::int32_t *add_products(const Word *x, const std::int32_t *base, int taps, const std::int32_t *w,
                                        Vector (&sums)[J][COUNT]) {
  constexpr int WIDTH = sizeof(Vector) / sizeof(Word);
  for (int tap = 0; tap < taps; ++tap) {
    const Word *row = x + base[tap] * LANES;
    for (int pair = 0; pair < Shape::PAIRS; ++pair, row += Shape::STEP * LANES, w += J) {
      Vector words[COUNT];
#pragma GCC unroll 8
      for (int i = 0; i < COUNT; ++i) words[i] = in_register(loaded<Vector>(row + i * WIDTH));
#pragma GCC unroll 8
      for (int j = 0; j < J; ++j) {
        const Vector weight = (Vector)(Lanes32{} + w[j]);
#pragma GCC unroll 8
        for (int i = 0; i < COUNT; ++i) sums[j][i] += dot(words[i], weight);
      }
    }
  }
  return w;
}

template <int J, int COUNT, class Vector, class Bias>
inline void begin_sums(Vector (&sums)[J][COUNT], const Bias *bias) {
#pragma GCC unroll 8
  for (int j = 0; j < J; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < COUNT; ++i) sums[j][i] = Vector{} + bias[j];
}

// Bytes; whole sums fit 16 bits.
struct ByteSums {
  using Word = std::int16_t;
  using Bias = std::int16_t;
  template <class Shape, class Then, class To, int J>
  static void tile(const Word *x, const std::int32_t *base, const std::int32_t *w, const Bias *bias,
                   typename To::Word *y) {
    Lanes16 sums[J][2];
    begin_sums(sums, bias);
    add_products<Shape>(x, base, Shape::TAPS, w, sums);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      Lanes16 column[J];
#pragma GCC unroll 8
      for (int j = 0; j < J; ++j) column[j] = sums[j][half];
      put_all<Then, To, J>(y + half * HALF, column);
    }
  }
};

// Bytes; only sums over CHUNK taps fit 16 bits, and whole ones 32 bits.
template <int CHUNK> struct WideByteSums {
  using Word = std::int16_t;
  using Bias = std::int32_t;
  template <class Shape, class Then, class To, int J>
  static void tile(const Word *x, const std::int32_t *base, const std::int32_t *w, const Bias *bias,
                   typename To::Word *y) {
    Wide whole[2][J];
#pragma GCC unroll 8
    for (int j = 0; j < J; ++j)
      for (int half = 0; half < 2; ++half) whole[half][j] = {Lanes32{} + bias[j], Lanes32{} + bias[j]};
    for (int tap = 0; tap < Shape::TAPS; tap += CHUNK) {
      Lanes16 sums[J][2] = {};
      w = add_products<Shape>(x, base + tap, tap + CHUNK <= Shape::TAPS ? CHUNK : Shape::TAPS - tap, w, sums);
#pragma GCC unroll 8
      for (int j = 0; j < J; ++j)
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const Wide more = widened(sums[j][half]);
          whole[half][j].low += more.low;
          whole[half][j].high += more.high;
        }
    }
    for (int half = 0; half < 2; ++half) put_all<Then, To, J>(y + half * HALF, whole[half]);
  }
};

// int16 words; whole sums fit 32 bits.
struct WordSums {
  using Word = std::int32_t;
  using Bias = std::int32_t;
  template <class Shape, class Then, class To, int J>
  static void tile(const Word *x, const std::int32_t *base, const std::int32_t *w, const Bias *bias,
                   typename To::Word *y) {
    for (int half = 0; half < 2; ++half) {
      Lanes32 sums[J][2];
      begin_sums(sums, bias);
      add_products<Shape>(x + half * HALF, base, Shape::TAPS, w, sums);
      Wide column[J];
#pragma GCC unroll 8
      for (int j = 0; j < J; ++j) column[j] = {sums[j][0], sums[j][1]};
      put_all<Then, To, J>(y + half * HALF, column);
    }
  }
};

// A dense layer or convolution: OUTPUTS sums at each of the places. base: (places, TAPS) rows of pairs;
// weight: for each tile of TILE outputs (TAPS, PAIRS, TILE) pairs of weights.
constexpr int TILE = 4;

template <class Sums, class Shape, class Then, class To, int OUTPUTS>
void pair_products(const typename Sums::Word *x, const std::int32_t *base, int places, const std::int32_t *weight,
                   const typename Sums::Bias *bias, typename To::Word *y) {
  constexpr int REST = OUTPUTS % TILE;
  constexpr int ROWS = (OUTPUTS + To::PER_ROW - 1) / To::PER_ROW;
  for (int place = 0; place < places; ++place, base += Shape::TAPS, y += ROWS * LANES) {
    const std::int32_t *w = weight;
    for (int j = 0; j + TILE <= OUTPUTS; j += TILE, w += Shape::TAPS * Shape::PAIRS * TILE)
      Sums::template tile<Shape, Then, To, TILE>(x, base, w, bias + j, y + j / To::PER_ROW * LANES);
    if constexpr (REST > 0)
      Sums::template tile<Shape, Then, To, REST>(x, base, w, bias + OUTPUTS - REST,
                                                 y + (OUTPUTS - REST) / To::PER_ROW * LANES);
  }
}

// Rows of words as rows of pairs. from: (rows, 2), with NO_ROW for zero.
template <class To, class From> void paired(const From *x, const std::int32_t *from, int rows, typename To::Word *y) {
  for (int row = 0; row < rows; ++row, from += 2, y += LANES) {
    for (int half = 0; half < 2; ++half) {
      Lanes16 words[2] = {};
      for (int i = 0; i < 2; ++i) {
        if (from[i] == NO_ROW) continue;
        const From *word = x + from[i] * LANES + half * HALF;
        if constexpr (sizeof(From) == 2) words[i] = loaded<Lanes16>(word);
        else for (int lane = 0; lane < HALF; ++lane) words[i][lane] = static_cast<std::int16_t>(word[lane]);
      }
      To::put(y + half * HALF, words[0], words[1]);
    }
  }
}

}  // namespace trigml
