"""Files put into folders by what is in them."""
