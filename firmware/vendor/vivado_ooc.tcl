# Out-of-context synthesis, placement and routing of the Verilog that HLS made of @TOP@:
#   vivado -mode batch -source vivado_ooc.tcl -tclargs synth     synthesis, kept as a checkpoint
#   vivado -mode batch -source vivado_ooc.tcl -tclargs route     placement and routing, from that checkpoint
set here [file normalize [file dirname [info script]]]
set reports [file join $here reports]
set checkpoint [file join $here checkpoints synth.dcp]
set verilog [file join $here @TOP@_prj solution1 syn verilog]
file mkdir $reports [file dirname $checkpoint]

proc write_reports {stage} {
    global reports
    report_utilization -file [file join $reports utilization_$stage.rpt]
    report_timing_summary -file [file join $reports timing_$stage.rpt]
    report_power -file [file join $reports power_$stage.rpt]
}

switch [lindex $argv 0] {
    synth {
        create_project -in_memory -part @PART@
        add_files $verilog
        read_xdc -mode out_of_context [file join $here clock_ooc.xdc]
        synth_design -top @TOP@ -part @PART@ -mode out_of_context
        write_checkpoint -force $checkpoint
        write_reports synth
    }
    route {
        open_checkpoint $checkpoint
        opt_design
        place_design
        phys_opt_design
        route_design
        write_reports route
    }
    default { error "expected synth or route" }
}
