"""Resamplings: what adds vectors to the normal ones before a back end is fitted."""
