using OrleansTempo.Server.Hosting;
using OrleansTempo.Standalone;

return await TempoCommand.InvokeAsync("OrleansTempo in one process: OTLP in, RED metrics and service graphs out to Prometheus", args, StandaloneHost.RunAsync);
