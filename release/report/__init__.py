"""What a person sees of a release: report, archive, history."""
