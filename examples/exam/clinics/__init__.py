"""Six made-up clinics, images and tables: what does each get out of joining?"""
