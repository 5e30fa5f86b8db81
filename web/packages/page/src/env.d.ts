declare module "*.css";

/** The address of a picture. */
declare module "*.svg" {
  const url: string;
  // biome-ignore lint/style/noDefaultExport: Vite exports addresses so
  export default url;
}
