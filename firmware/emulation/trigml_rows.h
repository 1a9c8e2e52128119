// Operations on tensors of LANES events side by side.
//
// A tensor is a run of rows, one per word of the network; a row holds that word for LANES events. The
// tables that the generator writes say which rows an operation reads; NO_ROW stands for padding.
#pragma once

#include "trigml_words.h"

namespace trigml {

constexpr int LANES = 32;
constexpr std::int32_t NO_ROW = -1;

struct Same {
  template <class T> static T of(T x) { return x; }
};

template <class To, class From> inline void copy_row(To *to, const From *from) {
  for (int lane = 0; lane < LANES; ++lane) to[lane] = static_cast<To>(from[lane]);
}

// A row of sums on its way through the word functions of THEN into a tensor.
template <class Then, class Sum, class To> inline void finish_row(To *to, const Sum *sums) {
  for (int lane = 0; lane < LANES; ++lane) to[lane] = static_cast<To>(Then::of(sums[lane]));
}

// y = THEN(x), computed in words of type Word.
template <class Word, class Then, class From, class To> void map_rows(const From *x, int rows, To *y) {
  for (int i = 0; i < rows * LANES; ++i) y[i] = static_cast<To>(Then::of(static_cast<Word>(x[i])));
}

// Dense layers and convolutions: at each of the places, sums over taps and channels, for each output.
// base: (places, taps) first row of the channels under a tap; weight: (outputs, taps, channels).
template <class Sum, class Then, int TAPS, int CHANNELS, int OUTPUTS, class Weight, class From, class To>
void products(const From *x, const std::int32_t *base, int places, const Weight *weight, const Sum *bias, To *y) {
  for (int place = 0; place < places; ++place, base += TAPS) {
    const Weight *w = weight;
    for (int j = 0; j < OUTPUTS; ++j, y += LANES) {
      Sum sums[LANES];
      for (int lane = 0; lane < LANES; ++lane) sums[lane] = bias[j];
      for (int tap = 0; tap < TAPS; ++tap, w += CHANNELS) {
        if (base[tap] == NO_ROW) continue;
        for (int i = 0; i < CHANNELS; ++i) {
          if (w[i] == 0) continue;
          const From *row = x + (base[tap] + i) * LANES;
          for (int lane = 0; lane < LANES; ++lane) sums[lane] += static_cast<Sum>(w[i]) * static_cast<Sum>(row[lane]);
        }
      }
      finish_row<Then>(y, sums);
    }
  }
}

// Depthwise convolutions and scales: output j at a place sums over the taps of channel j / MULTIPLES.
// base: (places, taps); weight: (outputs, taps).
template <class Sum, class Then, int TAPS, int MULTIPLES, int OUTPUTS, class Weight, class From, class To>
void products_by_channel(const From *x, const std::int32_t *base, int places, const Weight *weight,
                         const Sum *bias, To *y) {
  for (int place = 0; place < places; ++place, base += TAPS) {
    const Weight *w = weight;
    for (int j = 0; j < OUTPUTS; ++j, y += LANES, w += TAPS) {
      Sum sums[LANES];
      for (int lane = 0; lane < LANES; ++lane) sums[lane] = bias[j];
      for (int tap = 0; tap < TAPS; ++tap) {
        if (base[tap] == NO_ROW) continue;
        const From *row = x + (base[tap] + j / MULTIPLES) * LANES;
        for (int lane = 0; lane < LANES; ++lane) sums[lane] += static_cast<Sum>(w[tap]) * static_cast<Sum>(row[lane]);
      }
      finish_row<Then>(y, sums);
    }
  }
}

// Max pools: the largest word of some rows each. from: (rows, COUNT), each with a row at its first place.
template <class Word, class Then, int COUNT, class From, class To>
void largest(const From *x, const std::int32_t *from, int rows, To *y) {
  for (int row = 0; row < rows; ++row, from += COUNT, y += LANES) {
    Word best[LANES];
    copy_row(best, x + from[0] * LANES);
    for (int i = 1; i < COUNT; ++i) {
      if (from[i] == NO_ROW) continue;
      const From *other = x + from[i] * LANES;
      for (int lane = 0; lane < LANES; ++lane) best[lane] = at_least<Word>(best[lane], other[lane]);
    }
    finish_row<Then>(y, best);
  }
}

// Sums of some rows each. from: (rows, COUNT).
template <class Word, int COUNT, class From> inline void add_rows(const From *x, const std::int32_t *from, Word *sums) {
  for (int lane = 0; lane < LANES; ++lane) sums[lane] = 0;
  for (int i = 0; i < COUNT; ++i) {
    if (from[i] == NO_ROW) continue;
    const From *row = x + from[i] * LANES;
    for (int lane = 0; lane < LANES; ++lane) sums[lane] += row[lane];
  }
}

template <class Word, class Then, int COUNT, class From, class To>
void sums(const From *x, const std::int32_t *from, int rows, To *y) {
  for (int row = 0; row < rows; ++row, from += COUNT, y += LANES) {
    Word sums[LANES];
    add_rows<Word, COUNT>(x, from, sums);
    finish_row<Then>(y, sums);
  }
}

// Average pools: sums * 2^LEFT / count, rounded. counts: (rows), each times 2^RIGHT.
template <class Word, class Then, int COUNT, int LEFT, Rounding ROUNDING, class From, class To>
void means(const From *x, const std::int32_t *from, const Word *counts, int rows, To *y) {
  for (int row = 0; row < rows; ++row, from += COUNT, y += LANES) {
    Word sums[LANES];
    add_rows<Word, COUNT>(x, from, sums);
    for (int lane = 0; lane < LANES; ++lane)
      sums[lane] = divided<ROUNDING, Word>(times_power<LEFT>(sums[lane]), counts[row]);
    finish_row<Then>(y, sums);
  }
}

// The index of the largest of COUNT neighbouring rows, the first one of equals.
template <class Word, class Then, int COUNT, class From, class To> void largest_at(const From *x, int rows, To *y) {
  for (int row = 0; row < rows; ++row, x += COUNT * LANES, y += LANES) {
    From best[LANES];
    Word at[LANES];
    copy_row(best, x);
    for (int lane = 0; lane < LANES; ++lane) at[lane] = 0;
    for (int i = 1; i < COUNT; ++i) {
      const From *other = x + i * LANES;
      for (int lane = 0; lane < LANES; ++lane) {
        at[lane] = other[lane] > best[lane] ? static_cast<Word>(i) : at[lane];
        best[lane] = at_least<From>(best[lane], other[lane]);
      }
    }
    finish_row<Then>(y, at);
  }
}

// Rows in another order, with zeros where there is none.
template <class Word, class Then, class From, class To>
void taken(const From *x, const std::int32_t *from, int rows, To *y) {
  for (int row = 0; row < rows; ++row, y += LANES) {
    Word words[LANES];
    for (int lane = 0; lane < LANES; ++lane)
      words[lane] = from[row] == NO_ROW ? Word{0} : static_cast<Word>(x[from[row] * LANES + lane]);
    finish_row<Then>(y, words);
  }
}

// Rows put at other places, times 2^LEFT: the parts of a concatenation.
template <class Word, class Then, int LEFT, class From, class To>
void placed(const From *x, const std::int32_t *at, int rows, To *y) {
  for (int row = 0; row < rows; ++row, x += LANES) {
    Word words[LANES];
    for (int lane = 0; lane < LANES; ++lane) words[lane] = times_power<LEFT>(static_cast<Word>(x[lane]));
    finish_row<Then>(y + at[row] * LANES, words);
  }
}

// y = entries[x - low].
template <class Word, class Then, class Entry, class From, class To>
void looked_up(const From *x, const Entry *entries, std::int64_t low, int rows, To *y) {
  for (int i = 0; i < rows * LANES; ++i) y[i] = static_cast<To>(Then::of(static_cast<Word>(entries[x[i] - low])));
}

// One tensor of a sum: words of x times a factor.
template <class Word, class From> struct Term {
  const From *x;
  const std::int32_t *from;
  Word factor;
};
template <class Word, class From> inline Term<Word, From> term(const From *x, const std::int32_t *from, Word factor) {
  return {x, from, factor};
}

template <class Word, class From> inline void add_term(Word *words, const Term<Word, From> &term, int row) {
  const From *x = term.x + term.from[row] * LANES;
  for (int lane = 0; lane < LANES; ++lane) words[lane] += static_cast<Word>(x[lane]) * term.factor;
}

template <class Word, class Then, class To, class... From>
void added(int rows, To *y, const Term<Word, From> &...terms) {
  for (int row = 0; row < rows; ++row, y += LANES) {
    Word words[LANES] = {};
    (add_term(words, terms, row), ...);
    finish_row<Then>(y, words);
  }
}

template <class Word, class Then, class First, class Second, class To>
void multiplied(const First *x, const std::int32_t *from_x, const Second *z, const std::int32_t *from_z, int rows, To *y) {
  for (int row = 0; row < rows; ++row, y += LANES) {
    const First *first = x + from_x[row] * LANES;
    const Second *second = z + from_z[row] * LANES;
    Word words[LANES];
    for (int lane = 0; lane < LANES; ++lane) words[lane] = static_cast<Word>(first[lane]) * static_cast<Word>(second[lane]);
    finish_row<Then>(y, words);
  }
}

}  // namespace trigml
