"""What records say once they are read together. Pure: everything here is a function of records, and nothing is stored."""
