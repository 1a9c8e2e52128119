/* The C interface of the emulators that trigml generates: one network, bit-exact to its firmware.
 *
 * Scores are integers in units of 2^-fraction, exactly what the hardware puts out. All functions may be
 * called from several threads at a time; nothing is thrown, nothing is kept between calls. */
#ifndef TRIGML_EMULATOR_H
#define TRIGML_EMULATOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRIGML_EMULATOR_VERSION 1 /* of this interface */
#define TRIGML_NO_MEMORY (-1)

#if defined(__GNUC__)
#define TRIGML_EXPORT __attribute__((visibility("default")))
#else
#define TRIGML_EXPORT
#endif

typedef struct trigml_emulator {
  int32_t interface_version; /* TRIGML_EMULATOR_VERSION; look here first */
  const char *generator;     /* what wrote the source, for example "trigml 0.1.0" */
  const char *name;          /* of the network */
  const char *digest;        /* SHA-256 of the network: structure, formats, weights, input contract */
  int32_t n_inputs;          /* features per event */
  int32_t n_outputs;         /* scores per event */

  const char *const *input_names;    /* n_inputs columns of the events */
  const char *const *input_units;    /* n_inputs physical units, "" where there is none */
  const int32_t *input_fractions;    /* n_inputs: an input word w stands for w * 2^-fraction */
  const char *const *output_names;   /* n_outputs labels */
  const int32_t *output_fractions;   /* n_outputs: a score s stands for s * 2^-fraction */

  /* Rows of n_inputs physical features to rows of n_outputs scores. The features become words as the
   * input contract says: offset, scale, round half to even, saturate.
   * Returns how many events got their scores: `events`, or, if a feature is NaN or infinite, the number
   * of events before that one; TRIGML_NO_MEMORY if there is none. */
  int64_t (*predict)(const float *features, int64_t events, int64_t *scores);
  int64_t (*predict_double)(const double *features, int64_t events, int64_t *scores);

  /* The same from input words; it stops at a word that is outside of the input format. */
  int64_t (*predict_words)(const int64_t *words, int64_t events, int64_t *scores);
} trigml_emulator;

#ifdef __cplusplus
}
#endif
#endif
