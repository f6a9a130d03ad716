"""What readers keep: figures and the page that verifies, each as a file that needs no other."""
