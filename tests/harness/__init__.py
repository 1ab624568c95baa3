"""What the tests on real servers stand on: servers, silogate itself, clients, raw wire."""
