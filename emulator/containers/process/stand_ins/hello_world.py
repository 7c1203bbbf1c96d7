"""Says hello, which shows that an image was found and a container ran."""

print("Hello. If you can read this, the image was found and a container of it ran to its end.")
