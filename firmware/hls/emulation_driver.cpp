// Runs the C++ of an hls4ml project over a file of events, outside of Python.
//
//   emulation INPUT OUTPUT
//
// INPUT: doubles, N_IN per event, those of the first port first. OUTPUT: doubles, N_OUT per event, likewise. Built
// together with the project's own sources; emulation_ports.h, written next to this file, has N_IN, N_OUT and
// run_event(), which calls the project's bridge function with each port's place in the row.
#include <cstddef>
#include <cstdio>
#include <vector>

#include "emulation_ports.h"

static int fail(const char *what) {
    std::perror(what);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: emulation INPUT OUTPUT\n");
        return 2;
    }
    std::FILE *input = std::fopen(argv[1], "rb");
    if (!input)
        return fail(argv[1]);
    std::FILE *output = std::fopen(argv[2], "wb");
    if (!output)
        return fail(argv[2]);
    std::vector<double> features(N_IN), result(N_OUT);
    size_t got;
    while ((got = std::fread(features.data(), sizeof(double), N_IN, input)) == N_IN) {
        run_event(features.data(), result.data());
        if (std::fwrite(result.data(), sizeof(double), N_OUT, output) != N_OUT)
            return fail("writing the output");
    }
    if (got != 0) {
        std::fprintf(stderr, "the input ends in the middle of an event\n");
        return 1;
    }
    if (std::fclose(output) != 0)
        return fail("writing the output");
    return 0;
}
