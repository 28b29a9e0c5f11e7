"""From a plan to the text of all files; nothing here touches the disk except to read templates."""
