"""Normalisations: what makes scores comparable over domains and regions."""
