// Repairs of mdBook's pages for readers without a mouse.
for (const label of document.querySelectorAll("#mdbook-sidebar-toggle")) label.setAttribute("role", "button");
for (const code of document.querySelectorAll("pre > code, .table-wrapper")) code.tabIndex = 0;
