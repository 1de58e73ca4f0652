"""The benchmark of chunneld and its peers; bench/run is the program, bench/README.md the method."""
