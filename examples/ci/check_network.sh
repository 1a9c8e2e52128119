#!/usr/bin/env bash
# Trains or takes a network, compares all its stages bit by bit, and holds its firmware to the budget (docs/ci.md).
#
#   check_network.sh SPEC.yml [OPTION of trigml train …]     trained first, with --quantize
#   check_network.sh RUN                                     a run that trigml train has made; it stays as it is
#   check_network.sh MODEL [OPTION …]                        a Keras, QKeras or QONNX file; options of trigml verify,
#                                                            with BUDGET those that trigml synth has, too
#
# Set in the environment:
#   BUDGET         YAML file with the limits, as in a spec's section    [the spec's; none for a model file]
#   PART, CLOCK_NS what the firmware of a model file is for             [those of trigml synth]
#   OUT            folder of everything that is made; must not exist yet   [firmware_check]
#   STAGES         what is compared with the integer graph                 [all; see docs/verify.md]
#   REQUIRE_TIER   lowest tier of figures that can keep the budget         [mapped]
#   MAP_LIMIT      seconds that Yosys may take                             [900]
#
# Exit code: 0, or that of trigml: 2 bad input or a missing tool, 3 a gate or the budget is broken, 4 a bit differs.
# After 3 and 4 the remaining steps still run, so that all tables are there; 4 goes before 3.
set -euo pipefail

network=${1:?"a spec, a run or a model file is needed (see the head of $0)"}
shift
out=${OUT:-firmware_check}
run=$out/run
firmware=$run/rtl/verilog # where trigml synth writes a run's firmware unless it is told otherwise
tier=${REQUIRE_TIER:-mapped}
case $network in *.onnx) source=qonnx ;; *) source=keras ;; esac
stages=${STAGES:-$source,native,logic,rtl,netlist,hls}
firmware_options=()
if [[ -n ${BUDGET:-} ]]; then firmware_options=(--budget "$BUDGET"); fi
words=() # what a model file does not say by itself
verdict=0

# step LOG COMMAND …: its tables go to LOG, too. What leaves nothing for the next step to work on ends the job.
step() {
    local log=$1 code=0 began=$SECONDS
    shift
    printf '\n$ %s\n' "$*" >&2
    "$@" | tee "$out/$log" || code=$?
    printf '%s: exit code %d after %d s\n' "$*" "$code" $((SECONDS - began)) | tee -a "$out/steps.txt" >&2
    case $code in
        0) ;;
        3 | 4) ((verdict >= code)) || verdict=$code ;;
        *) exit $((verdict > 0 ? verdict : code)) ;;
    esac
}

summary() {
    local code=$? logs="verify.txt steps.txt"
    if [[ ! -s $out/report.md ]]; then logs="train.txt synth.txt $logs"; fi
    {
        if ((code)); then echo "# $network: exit code $code"; else echo "# $network: fine"; fi
        echo
        if [[ -s $out/note.md ]]; then cat "$out/note.md"; fi
        if [[ -s $out/report.md ]]; then cat "$out/report.md"; fi
        for log in $logs; do
            if [[ -s $out/$log ]]; then printf '\n```\n%s\n```\n' "$(cat "$out/$log")"; fi
        done
    } >"$out/summary.md"
    if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"; fi
    printf '\nTables, run and firmware are in %s; exit code %d\n' "$out" "$code"
}

if [[ -e $out ]]; then
    echo "$out is there already: remove it, or set OUT to another folder" >&2
    exit 2
fi
mkdir -p "$out"
trap summary EXIT

if [[ -f $network/manifest.json ]]; then
    cp -R "$network" "$run"
elif [[ $network == *.yml || $network == *.yaml ]]; then
    step train.txt trigml train "$network" --quantize --out "$run" "$@"
elif [[ -n ${BUDGET:-} ]]; then
    run=$network
    firmware=$out/rtl
    words=("$@")
    firmware_options+=(--out "$firmware")
    if [[ -n ${PART:-} ]]; then firmware_options+=(--part "$PART"); fi
    if [[ -n ${CLOCK_NS:-} ]]; then firmware_options+=(--clock-ns "$CLOCK_NS"); fi
else
    echo "**No budget was held:** a model file has no spec, and BUDGET names no limits. Its stages are compared." |
        tee "$out/note.md"
    step verify.txt trigml verify "$network" --stages "$stages" "$@"
    exit "$verdict"
fi

step synth.txt trigml synth "$run" --backend rtl --require-tier "$tier" --map-time-limit "${MAP_LIMIT:-900}" \
    "${firmware_options[@]}" "${words[@]}"
# The files that synth has written are compared as they lie. Those that are not exact lie elsewhere; then verify
# writes its own and shows which stages part.
written=()
if [[ -d $firmware && ,$stages, =~ ,(rtl|netlist), ]]; then written=(--project "$firmware"); fi
step verify.txt trigml verify "$run" --stages "$stages" "${written[@]}" "${words[@]}"
reported=$run # for a model file: its firmware, also if that is not exact
if [[ $run == "$network" ]]; then
    reported=$firmware
    if [[ ! -d $firmware ]]; then reported=$firmware.not-exact; fi
fi
step report.json trigml report "$reported" --require-tier "$tier" --markdown "$out/report.md" --json >/dev/null
if ! grep -q '"judged": true' "$out/report.json"; then
    echo "**No budget was held:** it is for another device, or the firmware is not exact." |
        tee "$out/note.md"
fi
exit "$verdict"
