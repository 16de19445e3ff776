"""Compare scores on exams and decide: pure functions of a table, trials by clips. No clip is made, no label read."""
