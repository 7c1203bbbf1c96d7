"""What a learner clicks and draws on: questions with options, and a pad for a digit."""
