# Synthesis of @TOP@ with Quartus:  quartus_sh -t quartus.tcl
load_package flow
set here [file normalize [file dirname [info script]]]
project_new -overwrite @TOP@
set_global_assignment -name DEVICE @FAMILY@
set_global_assignment -name TOP_LEVEL_ENTITY @TOP@
foreach file [glob -nocomplain [file join $here src *.v] [file join $here src static *.v]] {
    set_global_assignment -name VERILOG_FILE $file
}
foreach file [glob -nocomplain [file join $here src *.vhd] [file join $here src static *.vhd]] {
    set_global_assignment -name VHDL_FILE $file
}
set_global_assignment -name SDC_FILE [file join $here clock.sdc]
set_instance_assignment -name VIRTUAL_PIN ON -to in_words
set_instance_assignment -name VIRTUAL_PIN ON -to out_words
execute_module -tool map
execute_module -tool fit
execute_module -tool sta
project_close
