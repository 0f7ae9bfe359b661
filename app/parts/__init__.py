"""What of a page its script would be too long with: parts that ask `app.services`, which components do not."""
