"""What the course deploys: the digit models, their training and the scripts that serve them."""
