using OrleansTempo.Server.Hosting;
using OrleansTempo.Silo;

return await TempoCommand.InvokeAsync("OrleansTempo: OTLP in, RED metrics and service graphs out to Prometheus; a silo alone, or one of an Orleans cluster", args, SiloHost.RunAsync, SiloHost.ProblemOf);
