// Runs the C++ of an hls4ml project over a file of events, outside of Python.
//
//   emulation INPUT OUTPUT
//
// INPUT: doubles, TRIGML_N_IN per event. OUTPUT: doubles, TRIGML_N_OUT per event. Built together with the project's own
// sources, with TRIGML_TOP (the bridge function for doubles), TRIGML_N_IN and TRIGML_N_OUT defined.
#include <cstddef>
#include <cstdio>
#include <vector>

extern "C" {
void TRIGML_TOP(double *inputs, double *outputs);
}

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
    std::vector<double> features(TRIGML_N_IN), result(TRIGML_N_OUT);
    size_t got;
    while ((got = std::fread(features.data(), sizeof(double), TRIGML_N_IN, input)) == TRIGML_N_IN) {
        TRIGML_TOP(features.data(), result.data());
        if (std::fwrite(result.data(), sizeof(double), TRIGML_N_OUT, output) != TRIGML_N_OUT)
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
