using OrleansTempo.Server.Hosting;
using OrleansTempo.Silo;

return await TempoCommand.InvokeAsync("OrleansTempo: takes OTLP traces, writes RED metrics and service graphs to Prometheus; runs as a single silo or as one of an Orleans cluster", args, SiloHost.RunAsync, SiloHost.ProblemOf);
