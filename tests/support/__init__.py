"""What many tests share: the array libraries, and checks of gradients and moments."""
