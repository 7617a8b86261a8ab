"""Domain code (values, rules, factors, language, dataset, simulation), and in `infra` the infrastructure."""
