"""What several verbs take: destinations, rates, lengths of time, who signs and who certifies."""
