"""How the book is made: chapters run through papermill, pages built by Jupyter Book."""
