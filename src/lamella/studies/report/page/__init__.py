"""The page that tells of studies: words, drawings and the template they are put into."""
