"""What models reach on annotated pictures and pairs: NME, PCK and their baselines."""
