// Uppy's Dashboard: shows which files are already stored, and uploads the new ones. See README.md.

import { OnecopyUploader } from "@onecopy/uppy";
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

const query = new URLSearchParams(location.search);

new Uppy()
  .use(Dashboard, {
    target: "#files",
    inline: true,
    fileManagerSelectionType: "both",
    showLinkToFileUploadResult: true,
  })
  .use(OnecopyUploader, {
    url: query.get("service") ?? "http://127.0.0.1:8000/",
    // A real page gets a short-lived token from its server.
    token: () => sessionStorage.token || (sessionStorage.token = prompt("Token") ?? ""),
  });
