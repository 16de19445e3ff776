"""Parts of ``benchmarks.selection_validity``: labelled sets, how choices are judged, what is written."""
