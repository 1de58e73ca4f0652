"""What the scenarios stand on: private servers, the daemon, a faulty network, and waiting."""
