/** The icon of the panel and of the commands. */
import { LabIcon } from '@jupyterlab/ui-components';

/** A prompt, and a tick. */
export const codeactIcon = new LabIcon({
  name: 'codeact-magic:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3.4 5.4 4.8 4l7 7-7 7-1.4-1.4L9 11z"/>
    <path d="m13.6 20.4-3.4-3.4 1.4-1.4 2 2 6.6-6.6 1.4 1.4z"/>
  </g>
</svg>`
});
