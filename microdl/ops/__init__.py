"""Ops: infer, run and gradient of each on one page, and the public function beside them."""
