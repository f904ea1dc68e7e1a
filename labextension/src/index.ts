import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:plugin',
  autoStart: true,
  activate: () => { console.log('codeact'); }
};
export default plugin;
