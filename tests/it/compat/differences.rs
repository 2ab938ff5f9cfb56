//! What hinit does otherwise, and means to.
