"""The capstone's model (lesson 12): which of three growers a wine is from, by 13 readings."""
