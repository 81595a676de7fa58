"""One file per peer, each the fastest form of the step that its users would write.

`make_step(workload, estimator, mode)` returns a function without arguments. What it
returns has been computed when it returns: the loss as a float; for a layer its output
and the gradients by input, loc and rho; for a prediction the mean probabilities.
Where a peer has no such layer or estimator it raises `Unsupported`. `describe()` says
what runs, with versions.
"""
