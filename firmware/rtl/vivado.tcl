# Out-of-context synthesis, placement and routing of @TOP@ with Vivado:
#   vivado -mode batch -source vivado.tcl                    both stages
#   vivado -mode batch -source vivado.tcl -tclargs synth     synthesis, kept as a checkpoint
#   vivado -mode batch -source vivado.tcl -tclargs route     placement and routing, from that checkpoint
set here [file normalize [file dirname [info script]]]
set reports [file join $here reports]
set checkpoint [file join $here checkpoints synth.dcp]
file mkdir $reports [file dirname $checkpoint]
set stages $argv
if {[llength $stages] == 0} { set stages {synth route} }

# The names of the files are those that trigml reads.
proc write_reports {stage} {
    global reports
    report_utilization -file [file join $reports utilization_$stage.rpt]
    report_timing_summary -file [file join $reports timing_$stage.rpt]
    report_power -file [file join $reports power_$stage.rpt]
}

if {"synth" in $stages} {
    create_project -in_memory -part @PART@
    foreach file [glob -nocomplain -directory $here src/*.v src/static/*.v] { read_verilog $file }
    foreach file [glob -nocomplain -directory $here src/*.vhd src/static/*.vhd] {
        read_vhdl -vhdl2008 $file
    }
    read_xdc -mode out_of_context [file join $here clock.xdc]
    synth_design -top @TOP@ -part @PART@ -mode out_of_context -flatten_hierarchy rebuilt
    write_checkpoint -force $checkpoint
    write_reports synth
}
if {"route" in $stages} {
    if {!("synth" in $stages)} { open_checkpoint $checkpoint }
    opt_design
    place_design
    phys_opt_design
    route_design
    write_reports route
}
