"""Names of blocks that one module is, or two make up."""

from cbam_core.results.block_names import joined, modules_of


def test_the_name_of_a_pair_tells_both_modules_whichever_call_it_is_of() -> None:
    assert joined(["ca", "stage.sa"]) == "ca + stage.sa"
    assert joined(["cbam1", "cbam1"]) == "cbam1"
    assert modules_of("ca + stage.sa") == modules_of("ca + stage.sa#2") == ("ca", "stage.sa")
    assert modules_of("layer1.0.se#3") == ("layer1.0.se",)
