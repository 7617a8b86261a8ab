"""What Ondol thinks (values, rules, factors, language, dataset, simulation), and the infrastructure that carries it."""
