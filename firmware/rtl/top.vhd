-- The network behind a valid signal. Words enter and leave as the input contract and the graph say; README.md of this
-- project lists their bits. A new event may enter in every cycle; its result leaves @LATENCY@ cycles later.
--
-- Reset is synchronous and active high. It clears the valid chain only: what is in the pipeline is forgotten because
-- its valid bits are gone, and the data registers need no reset. VHDL-2008.
library ieee;
use ieee.std_logic_1164.all;

entity @TOP@ is
    port (
        clk       : in  std_logic;
        rst       : in  std_logic;
        in_valid  : in  std_logic;
        in_words  : in  std_logic_vector(@IN_BITS@ - 1 downto 0);
        out_valid : out std_logic;
        out_words : out std_logic_vector(@OUT_BITS@ - 1 downto 0)
    );
end entity @TOP@;

architecture rtl of @TOP@ is

    constant LATENCY : positive := @LATENCY@;

    signal valid    : std_logic_vector(LATENCY - 1 downto 0) := (others => '0');  -- bit i: entered i + 1 cycles ago
    signal core_in  : std_logic_vector(@CORE_IN_BITS@ - 1 downto 0);
    signal core_out : std_logic_vector(@CORE_OUT_BITS@ - 1 downto 0);

begin

    process (clk)
    begin
        if rising_edge(clk) then
            if rst = '1' then
                valid <= (others => '0');
            else
                valid(0) <= in_valid;
                for i in 1 to LATENCY - 1 loop
                    valid(i) <= valid(i - 1);
                end loop;
            end if;
        end if;
    end process;

    out_valid <= valid(LATENCY - 1);

@CORE_IN@
@CORE_OUT@

    core : entity work.@TOP@_core
        port map (
            clk       => clk,
            model_inp => core_in,
            model_out => core_out
        );

end architecture rtl;
