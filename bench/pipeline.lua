-- wrk with pipelining: sends as many requests at a time as its first argument says.

function init(args)
   local one = wrk.format()
   local requests = {}
   for i = 1, tonumber(args[1]) do
      requests[i] = one
   end
   batch = table.concat(requests)
end

function request()
   return batch
end
