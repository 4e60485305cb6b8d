using OrleansTempo.Server.Hosting;
using OrleansTempo.Silo;

return await TempoCommand.InvokeAsync("OrleansTempo as a silo of an Orleans cluster: OTLP in, RED metrics and service graphs out to Prometheus", args, SiloHost.RunAsync);
