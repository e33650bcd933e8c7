"""What tests are built with: cameras in the air, a disk that loses power, two ends of one conversation."""
