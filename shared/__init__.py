"""What Ondol thinks: values, market rules, factors, language, dataset, simulation, and the infrastructure that carries them."""
