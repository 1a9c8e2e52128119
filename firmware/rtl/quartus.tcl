# Synthesis, fitting and timing analysis of @TOP@ with Quartus:
#   quartus_sh -t quartus.tcl            both stages
#   quartus_sh -t quartus.tcl synth      analysis and synthesis only
#   quartus_sh -t quartus.tcl route      fitting and timing analysis of what was synthesised
# The reports go to reports/@TOP@.*.rpt, where trigml reads them.
load_package flow
set here [file normalize [file dirname [info script]]]
cd $here
set stages $quartus(args)
if {[llength $stages] == 0} { set stages {synth route} }

if {"synth" in $stages} {
    project_new -overwrite -part @PART@ @TOP@
    set_global_assignment -name TOP_LEVEL_ENTITY @TOP@
    set_global_assignment -name PROJECT_OUTPUT_DIRECTORY reports
    set_global_assignment -name VHDL_INPUT_VERSION VHDL_2008
    foreach file [glob -nocomplain -directory $here src/*.v src/static/*.v] {
        set_global_assignment -name VERILOG_FILE $file
    }
    foreach file [glob -nocomplain -directory $here src/*.vhd src/static/*.vhd] {
        set_global_assignment -name VHDL_FILE $file
    }
    set_global_assignment -name SDC_FILE [file join $here clock.sdc]
    set_instance_assignment -name VIRTUAL_PIN ON -to in_words
    set_instance_assignment -name VIRTUAL_PIN ON -to out_words
    export_assignments
    # The Pro edition calls the first module syn, the others map.
    if {[string match "*Pro*" $quartus(version)]} { execute_module -tool syn } else { execute_module -tool map }
} else {
    project_open @TOP@
}
if {"route" in $stages} {
    execute_module -tool fit
    execute_module -tool sta
}
project_close
